"""Says of each XML file whether it is valid by a schema: validate_xml.py SCHEMA FILE...

Prints one JSON object: the name of each file and what is wrong with it, null if nothing is. Parsing is strict: a character
that XML does not know is an error.
"""

import json
import sys

from lxml import etree

schema = etree.XMLSchema(etree.parse(sys.argv[1]))
wrong = {}
for path in sys.argv[2:]:
    try:
        schema.assertValid(etree.parse(path))
        wrong[path] = None
    except (etree.DocumentInvalid, etree.XMLSyntaxError) as error:
        wrong[path] = str(error)
print(json.dumps(wrong))
