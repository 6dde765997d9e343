# bench/reload: how long a shard stands still when new rules come.
add_executable(bench_reload ${CMAKE_CURRENT_LIST_DIR}/reload.c ${PROJECT_SOURCE_DIR}/worker/handover.c
  ${PROJECT_SOURCE_DIR}/worker/cli/rule_lines.c ${PROJECT_SOURCE_DIR}/worker/cli/rule_lines_print.c)
set_target_properties(bench_reload PROPERTIES OUTPUT_NAME reload)
target_include_directories(bench_reload PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(bench_reload PRIVATE warden_options worker_base filters_base filters_event filters_views filters_patterns
  filters_matchers filters_rules filters_behaviour PkgConfig::JANSSON Threads::Threads)
