warden_unit_test(loop SOURCES ${CMAKE_CURRENT_LIST_DIR}/loop_test.c
  ROOMS filters_base worker_base USES PkgConfig::JANSSON Threads::Threads)
