<?php
echo "before\n";
throw new RuntimeException("something is wrong");
