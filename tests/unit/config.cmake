warden_unit_test(config SOURCES ${CMAKE_CURRENT_LIST_DIR}/config_test.c ROOMS worker_base filters_base
  USES PkgConfig::JANSSON PkgConfig::YAML Threads::Threads)
warden_unit_test(config_memory SOURCES ${CMAKE_CURRENT_LIST_DIR}/config_memory_test.c ROOMS worker_base filters_base
  USES PkgConfig::JANSSON PkgConfig::YAML Threads::Threads)
target_link_options(test_config_memory PRIVATE
  LINKER:--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup)
