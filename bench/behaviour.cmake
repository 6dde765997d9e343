# bench/behaviour: what it costs to remember.
add_executable(bench_behaviour ${CMAKE_CURRENT_LIST_DIR}/behaviour.c ${CMAKE_CURRENT_LIST_DIR}/allocations.c
  ${PROJECT_SOURCE_DIR}/worker/cli/rule_lines.c ${PROJECT_SOURCE_DIR}/worker/cli/rule_lines_print.c)
set_target_properties(bench_behaviour PROPERTIES OUTPUT_NAME behaviour)
target_include_directories(bench_behaviour PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(bench_behaviour PRIVATE warden_options filters_base filters_event filters_views filters_patterns
  filters_matchers filters_rules filters_behaviour PkgConfig::PCRE2 PkgConfig::JANSSON)
