<?php
echo "before\n";
while (true) sleep(1);
