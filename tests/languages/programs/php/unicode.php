<?php
echo "Grüße 🎈\n";
echo fgets(STDIN);
