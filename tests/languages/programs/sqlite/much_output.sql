SELECT replace(hex(zeroblob(524287)), '0', 'x') || 'x';
