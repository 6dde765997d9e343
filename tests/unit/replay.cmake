warden_unit_test(replay SOURCES ${CMAKE_CURRENT_LIST_DIR}/replay_test.c
  ${PROJECT_SOURCE_DIR}/worker/replay/timeline.c ${PROJECT_SOURCE_DIR}/worker/replay/authors.c
  ${PROJECT_SOURCE_DIR}/worker/replay/source.c ${PROJECT_SOURCE_DIR}/worker/replay/source_files.c
  ${PROJECT_SOURCE_DIR}/worker/replay/stream.c
  ROOMS filters_base USES PkgConfig::ZLIB PkgConfig::ZSTD Threads::Threads)
add_test(NAME integration.replay COMMAND ${PYTHON3} ${PROJECT_SOURCE_DIR}/tests/integration/replay_test.py)
set_tests_properties(integration.replay PROPERTIES LABELS "integration;kafka" TIMEOUT 300
  ENVIRONMENT "WARDEN=$<TARGET_FILE:warden>;KAFKATOOL=${PROJECT_BINARY_DIR}/kafkatool")
add_test(NAME integration.report COMMAND ${PYTHON3} ${PROJECT_SOURCE_DIR}/tests/integration/report_test.py)
set_tests_properties(integration.report PROPERTIES LABELS integration TIMEOUT 900 SKIP_RETURN_CODE 77 PROCESSORS 2
  ENVIRONMENT "WARDEN=$<TARGET_FILE:warden>")
