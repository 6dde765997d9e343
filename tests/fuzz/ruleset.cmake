warden_fuzzer(ruleset SOURCES ${CMAKE_CURRENT_LIST_DIR}/ruleset_fuzz.c
  ROOMS filters_rules filters_behaviour filters_patterns filters_matchers filters_views filters_event filters_base)
