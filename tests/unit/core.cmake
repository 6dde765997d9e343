# The pure parts of the worker: no threads, no I/O.
warden_unit_test(offsets SOURCES ${CMAKE_CURRENT_LIST_DIR}/offsets_test.c ${PROJECT_SOURCE_DIR}/worker/offsets.c)
warden_unit_test(retry SOURCES ${CMAKE_CURRENT_LIST_DIR}/retry_test.c ${PROJECT_SOURCE_DIR}/worker/retry.c)
foreach(part dispatch dispatch_batch)
  warden_unit_test(${part} SOURCES ${CMAKE_CURRENT_LIST_DIR}/${part}_test.c ${CMAKE_CURRENT_LIST_DIR}/dispatch_world.c
    ${PROJECT_SOURCE_DIR}/worker/retry.c ${PROJECT_SOURCE_DIR}/worker/platform/join.c
    ROOMS worker_dispatch filters_base)
endforeach()
warden_unit_test(idempotency SOURCES ${CMAKE_CURRENT_LIST_DIR}/idempotency_test.c
  ${PROJECT_SOURCE_DIR}/worker/idempotency.c ROOMS filters_base USES PkgConfig::CRYPTO)
warden_unit_test(stall SOURCES ${CMAKE_CURRENT_LIST_DIR}/stall_test.c ${PROJECT_SOURCE_DIR}/worker/stall.c)
warden_unit_test(doze SOURCES ${CMAKE_CURRENT_LIST_DIR}/doze_test.c ${PROJECT_SOURCE_DIR}/worker/doze.c)
