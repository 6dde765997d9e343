warden_unit_test(table SOURCES ${CMAKE_CURRENT_LIST_DIR}/table_test.c
  ROOMS filters_base worker_base worker_platform USES PkgConfig::JANSSON Threads::Threads)
