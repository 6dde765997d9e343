# What `cmake --install` puts down can be used: see the program.
add_test(NAME integration.install
  COMMAND ${PYTHON3} ${PROJECT_SOURCE_DIR}/tests/integration/install_test.py ${PROJECT_BINARY_DIR} ${PROJECT_SOURCE_DIR}
    ${CMAKE_C_COMPILER})
set_tests_properties(integration.install PROPERTIES LABELS integration)
add_test(NAME integration.check
  COMMAND ${PYTHON3} ${PROJECT_SOURCE_DIR}/tests/integration/check_test.py $<TARGET_FILE:warden> ${PROJECT_SOURCE_DIR})
set_tests_properties(integration.check PROPERTIES LABELS integration)
add_test(NAME integration.pipe COMMAND ${PYTHON3} ${PROJECT_SOURCE_DIR}/tests/integration/pipe_test.py $<TARGET_FILE:warden>)
set_tests_properties(integration.pipe PROPERTIES LABELS integration)
