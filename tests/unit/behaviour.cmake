foreach(name behaviour_cells behaviour_likeness behaviour_guilt)
  warden_unit_test(${name} SOURCES ${CMAKE_CURRENT_LIST_DIR}/${name}_test.c ROOMS filters_base filters_views filters_behaviour)
endforeach()
warden_unit_test(behaviour_model SOURCES ${CMAKE_CURRENT_LIST_DIR}/behaviour_model_test.c
    ${CMAKE_CURRENT_LIST_DIR}/behaviour_model.c ${CMAKE_CURRENT_LIST_DIR}/behaviour_world.c ${CMAKE_CURRENT_LIST_DIR}/behaviour_history.c
  ROOMS filters_base filters_views filters_behaviour USES m)
warden_unit_test(behaviour_memory SOURCES ${CMAKE_CURRENT_LIST_DIR}/behaviour_memory_test.c
  ROOMS filters_base filters_views filters_behaviour)
target_link_options(test_behaviour_memory PRIVATE -Wl,--wrap=realloc)
