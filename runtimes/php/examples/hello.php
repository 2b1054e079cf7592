<?php
echo "Hello, World!\n", 2 + 2, "\n";
