<?php
fwrite(STDERR, "Something is wrong\n");
exit(3);
