# The pure parts of the worker: no threads, no I/O.
warden_unit_test(offsets SOURCES ${CMAKE_CURRENT_LIST_DIR}/offsets_test.c ${PROJECT_SOURCE_DIR}/worker/offsets.c)
warden_unit_test(retry SOURCES ${CMAKE_CURRENT_LIST_DIR}/retry_test.c ${PROJECT_SOURCE_DIR}/worker/retry.c)
warden_unit_test(dispatch SOURCES ${CMAKE_CURRENT_LIST_DIR}/dispatch_test.c ${PROJECT_SOURCE_DIR}/worker/dispatch.c
  ${PROJECT_SOURCE_DIR}/worker/retry.c)
warden_unit_test(stall SOURCES ${CMAKE_CURRENT_LIST_DIR}/stall_test.c ${PROJECT_SOURCE_DIR}/worker/stall.c)
