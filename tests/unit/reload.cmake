foreach(kind mock kafka)
  add_test(NAME integration.reload_${kind}
    COMMAND ${PYTHON3} ${PROJECT_SOURCE_DIR}/tests/integration/reload_test.py ${kind})
  set_tests_properties(integration.reload_${kind} PROPERTIES LABELS "integration;kafka" TIMEOUT 600 SKIP_RETURN_CODE 77
    ENVIRONMENT "WARDEN=$<TARGET_FILE:warden>;KAFKATOOL=${PROJECT_BINARY_DIR}/kafkatool")
endforeach()
