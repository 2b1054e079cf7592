puts "before"
loop { sleep 1 }
