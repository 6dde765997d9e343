warden_unit_test(ruleset SOURCES ${CMAKE_CURRENT_LIST_DIR}/ruleset_test.c
  ROOMS filters_base filters_event filters_views filters_patterns filters_matchers filters_rules filters_behaviour)
warden_unit_test(ruleset_golden SOURCES ${CMAKE_CURRENT_LIST_DIR}/ruleset_golden_test.c
  ROOMS filters_base filters_event filters_views filters_patterns filters_matchers filters_rules filters_behaviour)
warden_unit_test(shipped_rules SOURCES ${CMAKE_CURRENT_LIST_DIR}/shipped_rules_test.c
  ROOMS filters_base filters_event filters_views filters_patterns filters_matchers filters_rules filters_behaviour)
warden_unit_test(sample SOURCES ${CMAKE_CURRENT_LIST_DIR}/sample_test.c
  ROOMS filters_base filters_event filters_views filters_patterns filters_matchers filters_rules filters_behaviour)
