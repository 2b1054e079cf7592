<?php
echo "never"
echo "nor this";
