use gateway_core::prelude::*;

#[web_socket_gateway(namespace = "/text", sessions = "newest")]
struct TextGateway;

#[web_socket_gateway(namespace = "/number", sessions = 1)]
struct NumberGateway;

#[web_socket_gateway(namespace = "/parentheses", sessions(Newest))]
struct ParenthesesGateway;

#[web_socket_gateway(namespace = "/flag", sessions)]
struct FlagGateway;

fn main() {}
