puts "Grüße 🎈"
puts $stdin.gets
