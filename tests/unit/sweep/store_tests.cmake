# Tests of the result file and of the commands that read it.
foreach(module store store_kill)
  ws_unit_test(sweep ${module} swp_store)
endforeach()

# Other people's readers on a file of ours.
add_executable(store_sample ${CMAKE_CURRENT_SOURCE_DIR}/store_sample.c)
target_link_libraries(store_sample PRIVATE ws_flags swp_store)
set_target_properties(store_sample PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME unit.sweep.store_readers
  COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/test_store_readers.py $<TARGET_FILE:store_sample>)
set_tests_properties(unit.sweep.store_readers PROPERTIES LABELS unit TIMEOUT 120 SKIP_RETURN_CODE 77)
add_test(NAME unit.sweep.store_scripts
  COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/test_store_scripts.py $<TARGET_FILE:store_sample>
    ${PROJECT_SOURCE_DIR}/scripts)
set_tests_properties(unit.sweep.store_scripts PROPERTIES LABELS unit TIMEOUT 120 SKIP_RETURN_CODE 77)
