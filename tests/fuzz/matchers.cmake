warden_fuzzer(matchers SOURCES ${CMAKE_CURRENT_LIST_DIR}/matchers_fuzz.c
  ROOMS filters_base filters_event filters_views filters_patterns filters_matchers filters_rules filters_behaviour)
