# Tests of the result file.
foreach(module store store_kill)
  ws_unit_test(sweep ${module} swp_store)
endforeach()
