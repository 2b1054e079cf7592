<?php
file_put_contents("out.txt", "written\n");
