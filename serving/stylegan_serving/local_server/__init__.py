"""A TensorFlow-Serving-compatible server for laptops, tests and the quick start.

    python -m stylegan_serving.local_server --model_name=first --model_base_path=$PWD/models/first --rest_api_port=8501

One process of Python and TensorFlow answers the gRPC and REST interfaces of `tensorflow_model_server` under its
flags. It is a stand-in where the real server is not at hand, not a replacement of it in production.
`serving/local_server_differences.md` lists where the two differ on purpose. Importing this package imports no
TensorFlow.

    main            flags and the process            server          ports, drain
    configuration   flags and text protos            errors          what a client is told
    catalog         models, versions, labels         watcher         polls folders and the config file
    servable        one loaded SavedModel            warm_up         replays recorded requests
    tensors         TensorProto <-> NumPy            inference       predict, classify, ... for both transports
    grpc_services   gRPC                             rest            REST: paths and answers
    rest_server     HTTP                             rest_requests   JSON to arrays and examples
    rest_responses  arrays and messages to JSON      json_reader, json_writer    JSON as RapidJSON has it
    batching        joins requests                   metrics         Prometheus
"""
