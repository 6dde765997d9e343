warden_unit_test(rule_lines SOURCES ${CMAKE_CURRENT_LIST_DIR}/rule_lines_test.c
  ${PROJECT_SOURCE_DIR}/worker/cli/rule_lines.c ${PROJECT_SOURCE_DIR}/worker/cli/rule_lines_print.c
  ROOMS filters_base filters_event filters_views filters_patterns filters_matchers filters_rules filters_behaviour)
