puts "Hello, World!"
puts 2 + 2
