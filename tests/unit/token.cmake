warden_unit_test(token SOURCES ${CMAKE_CURRENT_LIST_DIR}/token_test.c
  ROOMS filters_base worker_base worker_platform USES PkgConfig::JANSSON Threads::Threads)
