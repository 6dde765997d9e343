warden_unit_test(explain SOURCES ${CMAKE_CURRENT_LIST_DIR}/explain_test.c
  ROOMS filters_base filters_event filters_views filters_patterns filters_matchers filters_rules filters_behaviour)
