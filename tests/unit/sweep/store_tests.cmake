# Tests of the result file and of the commands that read it.
foreach(module columns gather layout lock plan reader row store store_kill)
  ws_unit_test(sweep ${module} swp_store)
endforeach()
# Some look at files, or damage them, below the store's own interface.
foreach(module chunker layout_read rewrite)
  ws_unit_test(sweep ${module} swp_store hdf5::hdf5)
endforeach()
ws_unit_test(sweep packer swp_store ZLIB::ZLIB Threads::Threads)
foreach(module args file_slo frame points selection span sparkline standing table where)
  ws_unit_test(sweep ${module} swp_commands)
endforeach()
ws_unit_test(sweep tally swp_commands hdf5::hdf5)

# Other people's readers, our scripts and our commands on a file of synthetic rows.
add_executable(store_sample ${CMAKE_CURRENT_SOURCE_DIR}/store_sample.c)
target_link_libraries(store_sample PRIVATE ws_flags swp_store)
set_target_properties(store_sample PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
function(store_python_test module)
  add_test(NAME unit.sweep.${module}
    COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/test_${module}.py ${ARGN})
  set_tests_properties(unit.sweep.${module} PROPERTIES LABELS unit TIMEOUT 120 SKIP_RETURN_CODE 77)
endfunction()
store_python_test(store_readers $<TARGET_FILE:store_sample>)
store_python_test(store_scripts $<TARGET_FILE:store_sample> ${PROJECT_SOURCE_DIR}/scripts)
store_python_test(store_commands $<TARGET_FILE:wattsweep> $<TARGET_FILE:store_sample>
  ${PROJECT_SOURCE_DIR})
