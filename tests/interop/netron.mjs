// Does Netron open the files?
//
//     node tests/interop/netron.mjs FOLDER-OF-THE-NETRON-PACKAGE FILE...
//
// Loads each file with the readers inside the Python package netron, as its page does, and prints format and
// number of nodes.  Exits with 1 if a file is not read, or read as something else.
import * as fs from 'fs';
import * as path from 'path';

const [folder, ...files] = process.argv.slice(2);
const load = (name) => import(path.resolve(folder, name));
const base = await load('base.js');
const view = await load('view.js');
const asset = async (name) => fs.readFileSync(path.join(folder, name), 'utf-8');
const host = {
    environment: () => null,
    require: (id) => load(`${id.replace('./', '')}.js`),
    exception: (error) => console.log(error.message),
    asset, request: asset, event: () => {}, message: () => {}, worker: () => null,
};

let bad = 0;
for (const file of files) {
    const form = path.extname(file).slice(1).split('-')[0];
    const wanted = { onnx: 'ONNX', graphdef: 'TensorFlow Graph', tflite: 'TensorFlow Lite' }[form];
    const context = {
        identifier: `model.${form === 'graphdef' ? 'pb' : form}`,
        stream: new base.BinaryStream(new Uint8Array(fs.readFileSync(file))),
        entries: new Map(), tags: new Map(), error: (error) => console.log(error.message),
        request: asset, asset, require: host.require,
    };
    try {
        const model = await new view.ModelFactoryService(host).open(context);
        const nodes = (model.modules || model.graphs)[0].nodes.length;
        console.log(`${file}: ${model.format}, ${nodes} nodes`);
        bad += !model.format.startsWith(wanted) || nodes === 0;
    } catch (error) {
        console.log(`${file}: ${error.message}`);
        bad += 1;
    }
}
process.exit(bad > 0 ? 1 : 0);
