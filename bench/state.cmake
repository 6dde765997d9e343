# bench/state: what remembering costs, over each kind of store.
add_executable(bench_state ${CMAKE_CURRENT_LIST_DIR}/state.c ${CMAKE_CURRENT_LIST_DIR}/state_input.c
  ${PROJECT_SOURCE_DIR}/tests/support/loose_shard.c
  ${PROJECT_SOURCE_DIR}/worker/recall.c ${PROJECT_SOURCE_DIR}/worker/recall_order.c
  ${PROJECT_SOURCE_DIR}/worker/recall_run.c ${PROJECT_SOURCE_DIR}/worker/recall_values.c
  ${PROJECT_SOURCE_DIR}/worker/judging.c ${PROJECT_SOURCE_DIR}/worker/valves.c
  ${PROJECT_SOURCE_DIR}/worker/cli/rule_lines.c ${PROJECT_SOURCE_DIR}/worker/cli/rule_lines_print.c)
set_target_properties(bench_state PROPERTIES OUTPUT_NAME state)
target_include_directories(bench_state PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(bench_state PRIVATE warden_options worker_base worker_state filters_base filters_event filters_views
  filters_patterns filters_matchers filters_rules filters_behaviour PkgConfig::JANSSON Threads::Threads)
