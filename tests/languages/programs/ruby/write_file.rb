File.write("out.txt", "written\n")
