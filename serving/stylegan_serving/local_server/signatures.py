"""What a request names against what a SavedModel has: signatures, inputs, outputs."""

from stylegan_serving.local_server import errors, tensors

DEFAULT = 'serving_default'


def find(servable, signature_name):
    """The SignatureDef of a name ('' is `serving_default`).

    Raises:
        ServingError: FAILED_PRECONDITION.
    """
    signature = servable.signatures.get(signature_name or DEFAULT)
    if signature is None:
        raise errors.ServingError('FAILED_PRECONDITION', f'Serving signature key "{signature_name}" not found.')
    return signature


def check_input_names(signature, names, defaults=()):
    """Refuses input names that are not the signature's.

    Args:
        signature: SignatureDef.
        names: The names that came.
        defaults: Names that may be left out.
    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    came, expected = set(names), set(signature.inputs)
    missing = expected - came - set(defaults)
    if len(came) != len(expected) and (came - expected or missing):
        raise errors.ServingError(
            'INVALID_ARGUMENT', f'input size does not match signature: {len(came)}!={len(expected)} '
            f'len({_braced(came)}) != len({_braced(expected)}). Sent extra: {_braced(came - expected)}. '
            f'Missing but required: {_braced(missing)}.')
    for name in sorted(missing):
        raise errors.ServingError(
            'INVALID_ARGUMENT', f'Signature input alias: {name}(feed name: {signature.inputs[name].name}) not found '
            f'in request and no default value provided. Inputs expected to be in the request {_braced(came)}, or '
            f'default input alias set: {",".join(sorted(defaults))}')


def check_output_names(signature, names):
    """Refuses an output filter that names an unknown output, or one twice.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    seen = set()
    for name in names or ():
        if name not in signature.outputs:
            raise errors.ServingError(
                'INVALID_ARGUMENT', f'output tensor alias not found in signature: {name} Outputs expected to be in '
                f'the set {_braced(signature.outputs)}.')
        if name in seen:
            raise errors.ServingError('INVALID_ARGUMENT', f'duplicate output tensor alias: {name}')
        seen.add(name)


def checked(servable, signature_name, inputs, output_names):
    """What `Servable.run` takes, of what a request names.

    Args:
        servable: `servable.Servable`.
        signature_name: '' is `serving_default`.
        inputs: Dict input name -> array.
        output_names: Names of the wanted outputs; None or empty for all.
    Returns:
        (inputs with the signature's defaults, list of output names or None).
    Raises:
        ServingError: FAILED_PRECONDITION for an unknown signature; INVALID_ARGUMENT.
    """
    signature = find(servable, signature_name)
    defaults = servable.defaults[signature_name or DEFAULT]
    check_input_names(signature, inputs, defaults)
    check_output_names(signature, output_names)
    known = {name: array for name, array in inputs.items() if name in signature.inputs}
    return {**defaults, **known}, list(output_names) if output_names else None


def arrays(servable, request, *, max_bytes=None):
    """The inputs of a PredictRequest, its signature and names checked first.

    Args:
        servable: `servable.Servable`.
        request: PredictRequest.
        max_bytes: Largest tensor.
    Returns:
        Dict input name -> array.
    Raises:
        ServingError: FAILED_PRECONDITION for an unknown signature; INVALID_ARGUMENT.
    """
    name = request.model_spec.signature_name
    protos = request.inputs
    check_input_names(find(servable, name), protos, servable.defaults[name or DEFAULT])
    return {name: tensors.to_array(proto, name, max_bytes=max_bytes) for name, proto in protos.items()}


def _braced(names):
    return '{' + ','.join(sorted(names)) + '}'
