foreach(name behaviour_cells)
  warden_unit_test(${name} SOURCES ${CMAKE_CURRENT_LIST_DIR}/${name}_test.c ROOMS filters_base filters_views filters_behaviour)
endforeach()
