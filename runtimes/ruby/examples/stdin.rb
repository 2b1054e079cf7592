puts "Hello, #{gets.chomp}!"
