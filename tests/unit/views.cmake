warden_unit_test(views SOURCES ${CMAKE_CURRENT_LIST_DIR}/views_test.c ROOMS filters_base filters_views)
warden_unit_test(views_random SOURCES ${CMAKE_CURRENT_LIST_DIR}/views_random_test.c
  ROOMS filters_views USES PkgConfig::PCRE2 PkgConfig::ICU)
warden_unit_test(views_tables SOURCES ${CMAKE_CURRENT_LIST_DIR}/views_tables_test.c
  ROOMS filters_views USES PkgConfig::PCRE2 PkgConfig::ICU PkgConfig::ICU_I18N)
warden_unit_test(views_memory SOURCES ${CMAKE_CURRENT_LIST_DIR}/views_memory_test.c ROOMS filters_views)
target_link_options(test_views_memory PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
