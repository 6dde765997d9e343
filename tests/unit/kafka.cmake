# Each runs on the embedded broker; with WARDEN_TEST_KAFKA=host:port in the environment the same tests run on that one.
warden_unit_test(kafka_consumer
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/kafka_consumer_test.c ${PROJECT_SOURCE_DIR}/tests/support/kafka_member.c
  ROOMS worker_kafka filters_base)
set_tests_properties(unit.kafka_consumer PROPERTIES LABELS kafka TIMEOUT 300)

warden_unit_test(kafka_producer
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/kafka_producer_test.c ${PROJECT_SOURCE_DIR}/tests/support/kafka_member.c
  ROOMS worker_kafka filters_base)
set_tests_properties(unit.kafka_producer PROPERTIES LABELS kafka TIMEOUT 120)

# The tool of the tests of whole processes; tests/support/cluster.py looks for it beside the program.
add_executable(kafkatool ${PROJECT_SOURCE_DIR}/tests/support/kafkatool.c
  ${PROJECT_SOURCE_DIR}/tests/support/kafkatool_mock.c ${PROJECT_SOURCE_DIR}/tests/support/kafkatool_produce.c)
set_target_properties(kafkatool PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
target_include_directories(kafkatool PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(kafkatool PRIVATE warden_options worker_kafka filters_base PkgConfig::JANSSON)

warden_unit_test(kafka_faults
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/kafka_faults_test.c ${PROJECT_SOURCE_DIR}/tests/support/kafka_member.c
  ROOMS worker_kafka filters_base)
set_tests_properties(unit.kafka_faults PROPERTIES LABELS kafka TIMEOUT 400)

foreach(kind mock kafka)
  add_test(NAME integration.kafka_cluster_${kind}
    COMMAND ${PYTHON3} ${PROJECT_SOURCE_DIR}/tests/integration/kafka_cluster_test.py ${kind})
  set_tests_properties(integration.kafka_cluster_${kind} PROPERTIES LABELS kafka TIMEOUT 400 SKIP_RETURN_CODE 77
    ENVIRONMENT KAFKATOOL=${PROJECT_BINARY_DIR}/kafkatool)
endforeach()
