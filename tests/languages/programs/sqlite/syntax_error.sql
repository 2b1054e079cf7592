SELECT 'never' FORM nothing;
