# The example of docs/examples is built against the library as an embedder gets it, and run.
add_executable(example_judge ${PROJECT_SOURCE_DIR}/docs/examples/judge.c)
target_link_libraries(example_judge PRIVATE libwarden)
add_test(NAME example.judge.finds COMMAND example_judge ${PROJECT_SOURCE_DIR}/config/rules/spam.yaml
  "Buy followers cheap! 10k followers for $5, DM me now")
set_tests_properties(example.judge.finds PROPERTIES
  PASS_REGULAR_EXPRESSION "matches spam.follower-sale\nasks for hide\n$")
add_test(NAME example.judge.leaves COMMAND example_judge ${PROJECT_SOURCE_DIR}/config/rules/spam.yaml "good morning")
add_test(NAME example.judge.explains COMMAND example_judge
  ${PROJECT_SOURCE_DIR}/tests/golden/rules/broken/unknown-key.yaml "good morning")
set_tests_properties(example.judge.explains PROPERTIES
  PASS_REGULAR_EXPRESSION "unknown-key.yaml:6:3: unknown-key: 'vews' is no key of a rule .did you mean 'views'")
