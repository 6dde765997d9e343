warden_unit_test(log SOURCES ${CMAKE_CURRENT_LIST_DIR}/log_test.c ROOMS worker_base filters_base
  USES PkgConfig::JANSSON Threads::Threads)
