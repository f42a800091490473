//! Which call replaces which of paho.
