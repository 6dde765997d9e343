warden_unit_test(patterns_property
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/patterns_property_test.c ${CMAKE_CURRENT_LIST_DIR}/patterns_oracle.c
    ${CMAKE_CURRENT_LIST_DIR}/patterns_random.c
  ROOMS filters_patterns filters_base
  USES PkgConfig::PCRE2)
warden_unit_test(patterns SOURCES ${CMAKE_CURRENT_LIST_DIR}/patterns_test.c ROOMS filters_patterns filters_base)
