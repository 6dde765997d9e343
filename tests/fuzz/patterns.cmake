warden_fuzzer(patterns
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/patterns_fuzz.c ${PROJECT_SOURCE_DIR}/tests/unit/patterns_oracle.c
  ROOMS filters_patterns filters_base
  USES PkgConfig::PCRE2)
