puts "x" * 1048575
