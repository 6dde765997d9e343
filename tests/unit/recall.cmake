# Batches of records over a store: the worker's recall*.c, judging.c and valves.c without Kafka and platform.
set(RECALL_TEST_SOURCES ${PROJECT_SOURCE_DIR}/tests/support/loose_shard.c ${PROJECT_SOURCE_DIR}/worker/recall.c
  ${PROJECT_SOURCE_DIR}/worker/recall_order.c ${PROJECT_SOURCE_DIR}/worker/recall_run.c
  ${PROJECT_SOURCE_DIR}/worker/recall_values.c ${PROJECT_SOURCE_DIR}/worker/judging.c ${PROJECT_SOURCE_DIR}/worker/valves.c)
set(RECALL_TEST_ROOMS worker_state worker_base filters_base filters_event filters_views filters_patterns filters_matchers
  filters_rules filters_behaviour)

if(WARDEN_REDIS)
  warden_unit_test(recall
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/recall_test.c ${CMAKE_CURRENT_LIST_DIR}/recall_world.c
      ${CMAKE_CURRENT_LIST_DIR}/recall_world_workers.c ${RECALL_TEST_SOURCES}
      ${PROJECT_SOURCE_DIR}/tests/support/redis_servers.c
    ROOMS ${RECALL_TEST_ROOMS} USES PkgConfig::JANSSON Threads::Threads)
  warden_unit_test(recall_history
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/recall_history_test.c ${CMAKE_CURRENT_LIST_DIR}/recall_world.c
      ${CMAKE_CURRENT_LIST_DIR}/recall_world_workers.c
      ${RECALL_TEST_SOURCES} ${PROJECT_SOURCE_DIR}/tests/support/redis_servers.c
    ROOMS ${RECALL_TEST_ROOMS} USES PkgConfig::JANSSON Threads::Threads)
  set_tests_properties(unit.recall unit.recall_history PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
endif()

warden_unit_test(valves SOURCES ${CMAKE_CURRENT_LIST_DIR}/valves_test.c ${RECALL_TEST_SOURCES}
  ROOMS ${RECALL_TEST_ROOMS} USES PkgConfig::JANSSON Threads::Threads)
