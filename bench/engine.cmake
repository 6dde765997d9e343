# bench/engine: the whole library, from JSON bytes to verdicts.
add_executable(bench_engine ${CMAKE_CURRENT_LIST_DIR}/engine.c ${CMAKE_CURRENT_LIST_DIR}/engine_stages.c
  ${CMAKE_CURRENT_LIST_DIR}/engine_longest.c ${CMAKE_CURRENT_LIST_DIR}/engine_rules.c
  ${CMAKE_CURRENT_LIST_DIR}/allocations.c ${PROJECT_SOURCE_DIR}/worker/cli/rule_lines.c
  ${PROJECT_SOURCE_DIR}/worker/cli/rule_lines_print.c)
set_target_properties(bench_engine PROPERTIES OUTPUT_NAME engine)
target_include_directories(bench_engine PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(bench_engine PRIVATE warden_options filters_base filters_event filters_views filters_patterns
  filters_matchers filters_rules filters_behaviour PkgConfig::PCRE2 PkgConfig::JANSSON)
