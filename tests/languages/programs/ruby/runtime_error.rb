puts "before"
nil.length
