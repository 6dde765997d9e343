# What goes before a commit: the worker's own membership.c and commits.c over a real lmdb on a disk that can be held,
# without a broker.
if(WARDEN_LMDB)
  get_target_property(COMMITS_TEST_ROOMS warden LINK_LIBRARIES)
  warden_unit_test(commits
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/commits_test.c ${CMAKE_CURRENT_LIST_DIR}/commits_world.c
      ${CMAKE_CURRENT_LIST_DIR}/state_log_kit.c ${CMAKE_CURRENT_LIST_DIR}/state_cases.c
      ${PROJECT_SOURCE_DIR}/tests/support/held_disk.c
    ROOMS ${COMMITS_TEST_ROOMS} USES PkgConfig::LMDB)
  target_link_options(test_commits PRIVATE -Wl,--wrap=fdatasync,--wrap=consumer_can_commit,--wrap=consumer_commit_async
    -Wl,--wrap=consumer_commit_sync)
endif()
