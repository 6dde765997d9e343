warden_unit_test(config SOURCES ${CMAKE_CURRENT_LIST_DIR}/config_test.c ROOMS worker_base filters_base
  USES PkgConfig::JANSSON PkgConfig::YAML Threads::Threads)
